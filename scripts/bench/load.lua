-- What wrk sends. Environment: OPERATION (read, create, patch), TOKEN, TARGET (path), COUNT (create: end after so many), ROUND.
-- read: GET of TARGET. create: a ConfigMap of about 1 KiB with a name of its own in the collection TARGET.
-- patch: a label of one after the other of the 200 objects TARGET0 to TARGET199.
local ffi = require("ffi")
ffi.cdef("int getpid(void); int kill(int pid, int sig);")

local operation = os.getenv("OPERATION")
local target = os.getenv("TARGET")
local headers = { ["Authorization"] = "Bearer " .. os.getenv("TOKEN"), ["Accept"] = "application/json" }
local round = os.getenv("ROUND")
local limit = tonumber(os.getenv("COUNT"))
local filling = string.rep("m", 900)
local count = 0
local answered = 0

local makers = {}
function makers.read()
  return wrk.format("GET", target, headers)
end
function makers.create()
  local object = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"made-%s-%d"},"data":{"text":"%s"}}'
  headers["Content-Type"] = "application/json"
  return wrk.format("POST", target, headers, object:format(round, count, filling))
end
function makers.patch()
  headers["Content-Type"] = "application/merge-patch+json"
  local body = '{"metadata":{"labels":{"turn":"%s-%d"}}}'
  return wrk.format("PATCH", target .. count % 200, headers, body:format(round, count))
end

function request()
  count = count + 1
  return makers[operation]()
end

-- wrk runs for a time, not for a number; an interrupt ends it, with its figures. Only here: a response function costs time.
if operation == "create" then
  function response()
    answered = answered + 1
    if answered == limit then
      wrk.thread:stop()
      ffi.C.kill(ffi.C.getpid(), 2)
    end
  end
end

function done(summary, latency)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  local rate = summary.requests / (summary.duration / 1e6)
  io.write(("figures %.1f %.2f %.2f %d\n"):format(rate, latency:percentile(50) / 1000, latency:percentile(99) / 1000, failed))
end

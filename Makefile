# Thin names over the npm scripts.
.PHONY: all microshift test check install clean

all: microshift

node_modules/.package-lock.json: package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund

microshift: node_modules/.package-lock.json
	npm run build

test: node_modules/.package-lock.json
	npm test

check: node_modules/.package-lock.json
	npm run check

install:
	./install.sh

clean:
	rm -rf _output

// What people do with a running cluster, on one machine: a file for each subject in applications/.
import './applications/shared-machine.ts';
import './applications/helm.ts';
import './applications/load-balancer.ts';
import './applications/storage.ts';
import './applications/openshift.ts';

// The official JavaScript client: typed calls, patches, a watch, an informer and the generic object API.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [kubeconfig, modules] = process.argv.slice(2);
const require = createRequire(pathToFileURL(modules + '/'));
const k8s = await import(pathToFileURL(require.resolve('@kubernetes/client-node')).href);

const namespace = 'javascript';
const config = new k8s.KubeConfig();
config.loadFromFile(kubeconfig);
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);

await core.createNamespace({ body: { metadata: { name: namespace } } });
const start = (await core.listNamespacedConfigMap({ namespace })).metadata.resourceVersion;
const made = await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'a' }, data: { n: '0' } } });
const patch = (type) => k8s.setHeaderOptions('Content-Type', type);
const patched = await core.patchNamespacedConfigMap(
  { namespace, name: 'a', body: [{ op: 'replace', path: '/data/n', value: '1' }] },
  patch(k8s.PatchStrategy.JsonPatch),
);
assert.equal(patched.data.n, '1');
await core.patchNamespacedConfigMap(
  { namespace, name: 'a', body: { data: { m: '2' } } },
  patch(k8s.PatchStrategy.MergePatch),
);
await assert.rejects(
  core.replaceNamespacedConfigMap({ namespace, name: 'a', body: made }),
  (error) => error.code === 409,
);
await core.deleteNamespacedConfigMap({ namespace, name: 'a' });

const seen = await new Promise((resolve, reject) => {
  const types = [];
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const watching = new k8s.Watch(config).watch(
    path,
    { resourceVersion: start },
    (type) => {
      types.push(type);
      if (type === 'DELETED') {
        resolve(types);
        watching.then((controller) => controller.abort());
      }
    },
    (error) => error && error.name !== 'AbortError' && reject(error),
  );
});
assert.deepEqual(seen, ['ADDED', 'MODIFIED', 'MODIFIED', 'DELETED']);

const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/secrets`, () =>
  core.listNamespacedSecret({ namespace }),
);
const event = (name) => new Promise((resolve) => informer.on(name, resolve));
const [added, deleted] = [event('add'), event('delete')];
await informer.start();
await core.createNamespacedSecret({ namespace, body: { metadata: { name: 's' }, stringData: { k: 'v' } } });
assert.equal((await added).data.k, 'dg==');
await core.deleteNamespacedSecret({ namespace, name: 's' });
assert.equal((await deleted).metadata.name, 's');
await informer.stop();

const objects = k8s.KubernetesObjectApi.makeApiClient(config);
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace },
  spec: { selector: { matchLabels: { a: 'b' } }, template },
};
await objects.patch(deployment, undefined, undefined, 'tests', true, k8s.PatchStrategy.ServerSideApply);
const web = await apps.readNamespacedDeployment({ namespace, name: 'web' });
assert.equal(web.spec.replicas, 1);
assert.equal(web.metadata.managedFields[0].manager, 'tests');
await objects.delete(deployment);
await assert.rejects(objects.read(deployment), (error) => error.code === 404);
console.log('done');
process.exit(0);

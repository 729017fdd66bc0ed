// What the build does differently from plain esbuild: the policy as a module, and libraries left out whose work a
// function can never reach.

import type { Plugin } from 'esbuild';

/** `import policy from 'virtual:policy'` gives this value, which must be plain JSON. */
export function embedPolicy(policy: unknown): Plugin {
  return {
    name: 'embed-policy',
    setup(build) {
      build.onResolve({ filter: /^virtual:policy$/ }, ({ path }) => ({ path, namespace: 'policy' }));
      build.onLoad({ filter: /.*/, namespace: 'policy' }, () => ({
        contents: JSON.stringify(policy),
        loader: 'json',
      }));
    },
  };
}

const unreachable = (why: string) =>
  `module.exports = class { constructor() { throw new Error(${JSON.stringify(why)}); } };`;

/** Name of a library, the only one that imports it, and what stands in its place. Together 57 KB of control/sync. */
const REPLACED: Readonly<Record<string, { readonly importer: RegExp; readonly contents: string }>> = {
  // pino starts a worker with it, from a file that is not in the bundle; our log writes to a stream.
  'thread-stream': {
    importer: /node_modules\/pino\//,
    contents: unreachable('A function has no files to start a log worker from.'),
  },
  // pino writes to files and standard output with it, when it is given no stream.
  'sonic-boom': {
    importer: /node_modules\/pino\//,
    contents: unreachable('A function gives its log a stream.'),
  },
  // MSAL opens a browser with it for an interactive sign-in.
  open: {
    importer: /node_modules\/@azure\//,
    contents: 'export default function open() { throw new Error("A function has no browser."); }',
  },
  // jsonwebtoken asks with it whether Node is at least 6.12, 15.7 and 16.9; the runtime is 22.
  semver: {
    importer: /node_modules\/jsonwebtoken\//,
    contents: 'module.exports = { satisfies: () => true };',
  },
  // The proxy agents of Azure's transport print with it when DEBUG is set, past our log and its redaction.
  debug: {
    importer: /node_modules\/(https?-proxy-agent|agent-base)\//,
    contents: 'module.exports = () => Object.assign(() => {}, { enabled: false });',
  },
  // pg looks for a forgotten password in the home folder; ours stand in the URL, and a function has no home.
  pgpass: {
    importer: /node_modules\/pg\//,
    contents: 'module.exports = (connection, answer) => answer(undefined);',
  },
};

const unreachableClass = (name: string) => ({
  file: new RegExp(`@azure/msal-node/dist/(client|network)/${name}\\.mjs$`),
  contents: `export class ${name} { constructor() { throw new Error('A function signs in with its secret only.'); } }`,
});

/** Files inside a library, by the end of their path, and what stands in their place. Together 46 KB. */
const REPLACED_FILES: readonly { readonly file: RegExp; readonly contents: string }[] = [
  // zod turns schemas into JSON Schema with these; only `npm run generate` does that, and no function.
  {
    file: /zod\/v4\/core\/to-json-schema\.js$/,
    contents: `const refuse = () => { throw new Error('A function makes no JSON Schema.'); };
      export const createToJSONSchemaMethod = () => refuse, createStandardJSONSchemaMethod = () => refuse;
      export { refuse as initializeContext, refuse as handleUnrepresentable, refuse as processSchema,
               refuse as extractDefs, refuse as finalize };`,
  },
  {
    file: /zod\/v4\/core\/json-schema-processors\.js$/,
    contents: 'export const allProcessors = {}, toJSONSchema = undefined;',
  },
  // MSAL's other ways to sign in; a client secret is the only one that a function has.
  ...[
    'OnBehalfOfClient',
    'PublicClientApplication',
    'DeviceCodeClient',
    'UsernamePasswordClient',
    'UserFederatedIdentityCredentialClient',
    'LoopbackClient',
  ].map(unreachableClass),
  ...['AuthorizationCodeClient', 'RefreshTokenClient'].map((name) => ({
    file: new RegExp(`@azure/msal-common/dist/client/${name}\\.mjs$`),
    contents: `export class ${name} { constructor() { throw new Error('A function signs in with its secret only.'); } }`,
  })),
  // pg loads it when a native driver is asked for; there is none in a function.
  {
    file: /pg\/lib\/native\/index\.js$/,
    contents: unreachable('A function has no native PostgreSQL driver.'),
  },
];

/** Libraries of classes that do nothing while they load, though their package.json does not say so: what nobody uses of
 *  them can go. */
const RESOLVED = Symbol('resolved');
const WITHOUT_SIDE_EFFECTS = /^(@microsoft\/microsoft-graph-client|@azure\/msal-node)$/;
const INSIDE_THEM = /node_modules\/(@microsoft\/microsoft-graph-client|@azure\/msal-node)\//;

/** Leaves out what REPLACED and REPLACED_FILES name, and only where the known library imports it. */
export function leaveOutUnreachable(): Plugin {
  return {
    name: 'leave-out-unreachable',
    setup(build) {
      build.onResolve({ filter: /^[a-z-]+(\/.*)?$/ }, ({ path, importer }) => {
        const name = path.split('/')[0] ?? path;
        if (!REPLACED[name]?.importer.test(importer)) return undefined;
        return { path: name, namespace: 'unreachable' };
      });
      build.onResolve({ filter: /./ }, async ({ path, importer, kind, resolveDir, pluginData }) => {
        if (
          pluginData === RESOLVED ||
          !(WITHOUT_SIDE_EFFECTS.test(path) || (INSIDE_THEM.test(importer) && path.startsWith('.')))
        )
          return undefined;
        const found = await build.resolve(path, { importer, kind, resolveDir, pluginData: RESOLVED });
        return { ...found, sideEffects: false };
      });
      for (const { file, contents } of REPLACED_FILES)
        build.onLoad({ filter: file }, () => ({ contents, loader: 'js' }));
      build.onLoad({ filter: /.*/, namespace: 'unreachable' }, ({ path }) => ({
        contents: REPLACED[path]?.contents ?? '',
        loader: 'js',
      }));
    },
  };
}

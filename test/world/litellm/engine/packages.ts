// The engine's npm packages, which lie in the world's cache and not in this repository: its few entry points,
// with the types of what we use of them.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { GraphQLField } from './query-document.ts';

export type QueryEngine = {
  connect(trace: string): Promise<void>;
  query(body: string, trace: string, transactionId?: string): Promise<string>;
  startTransaction(options: string, trace: string): Promise<string>;
  commitTransaction(id: string, trace: string): Promise<string>;
  rollbackTransaction(id: string, trace: string): Promise<string>;
};

type Field = { dataTypeID: number };

// Node has WebAssembly, its types do not.
type WebAssemblyGlobal = {
  WebAssembly: {
    Module: new (bytes: Uint8Array) => object;
    Instance: new (module: object, imports: object) => { exports: object };
  };
};
const { WebAssembly } = globalThis as unknown as WebAssemblyGlobal;

// PostgreSQL's catalogue types, which the adapter does not know, as their text or number kin:
// name, name[], "char", oid, oid[], regclass, void, regnamespace.
const KIN = new Map([
  [19, 25],
  [1003, 1009],
  [18, 25],
  [26, 23],
  [1028, 1007],
  [2205, 25],
  [2278, 25],
  [4089, 25],
]);

export type EnginePackages = {
  parse(text: string): { definitions: [{ selectionSet: { selections: [GraphQLField] } }] };
  createEngine(options: { schema: string; databaseUrl: string; connections: number }): QueryEngine;
};

/** Loads the packages installed in `directory`. */
export function loadPackages(directory: string): EnginePackages {
  const require = createRequire(join(directory, 'package.json'));
  const runtime = dirname(require.resolve('@prisma/client/runtime/query_engine_bg.postgresql.js'));
  const glue = require(join(runtime, 'query_engine_bg.postgresql.js'));
  const wasm = new WebAssembly.Module(readFileSync(join(runtime, 'query_engine_bg.postgresql.wasm')));
  glue.__wbg_set_wasm(new WebAssembly.Instance(wasm, { './query_engine_bg.js': glue }).exports);

  const Result = require('pg/lib/result');
  const addFields = Result.prototype.addFields;
  Result.prototype.addFields = function addKnownFields(fields: Field[]) {
    for (const field of fields) field.dataTypeID = KIN.get(field.dataTypeID) ?? field.dataTypeID;
    return addFields.call(this, fields);
  };

  return {
    parse: require('graphql').parse,
    createEngine: ({ schema, databaseUrl, connections }) => {
      const { Pool } = require('pg');
      const { PrismaPg } = require('@prisma/adapter-pg');
      const { bindAdapter } = require('@prisma/driver-adapter-utils');
      const pool = new Pool({ connectionString: databaseUrl, max: connections });
      const options = {
        datamodel: schema,
        logLevel: 'error',
        logQueries: false,
        datasourceOverrides: {},
        env: {},
        configDir: '.',
        ignoreEnvVarErrors: true,
        engineProtocol: 'json',
      };
      return new glue.QueryEngine(options, () => undefined, bindAdapter(new PrismaPg(pool)));
    },
  };
}

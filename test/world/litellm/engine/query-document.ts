// The part of a GraphQL syntax tree that prisma-client-py sends, and its translation into the JSON query that
// Prisma's WebAssembly engine takes. Pure: text of one operation in (parsed by the caller), one query out.

import { type Models, tagJsonArguments } from './json-arguments.ts';

export type GraphQLValue =
  | { readonly kind: 'StringValue' | 'EnumValue' | 'IntValue' | 'FloatValue'; readonly value: string }
  | { readonly kind: 'BooleanValue'; readonly value: boolean }
  | { readonly kind: 'NullValue' }
  | { readonly kind: 'ListValue'; readonly values: readonly GraphQLValue[] }
  | { readonly kind: 'ObjectValue'; readonly fields: readonly GraphQLArgument[] };

type GraphQLArgument = { readonly name: { readonly value: string }; readonly value: GraphQLValue };

export type GraphQLField = {
  readonly name: { readonly value: string };
  readonly arguments?: readonly GraphQLArgument[];
  readonly selectionSet?: { readonly selections: readonly GraphQLField[] };
};

export type EngineQuery = {
  readonly modelName?: string;
  readonly action: string;
  readonly query: { readonly arguments: unknown; readonly selection: unknown };
};

// Longer names before the names they begin with.
const ACTIONS = [
  'findUniqueOrThrow',
  'findUnique',
  'findFirstOrThrow',
  'findFirst',
  'findMany',
  'createOne',
  'createMany',
  'updateOne',
  'updateMany',
  'upsertOne',
  'deleteOne',
  'deleteMany',
  'aggregate',
  'groupBy',
];
const COUNTING = new Set(['createMany', 'updateMany', 'deleteMany']);

/** Translates the one field of an operation, such as `findManyLiteLLM_TeamTable(where: …) { team_id }`. */
export function toEngineQuery(field: GraphQLField, models: Models): EngineQuery {
  const name = field.name.value;
  const given = toArguments(field.arguments);
  if (name === 'queryRaw' || name === 'executeRaw') {
    const parameters = given.parameters ?? '[]';
    return { action: name, query: { arguments: { query: given.query, parameters }, selection: {} } };
  }
  // prisma-client-py writes findUniqueModelOrThrow, the engine wants the model apart.
  const orThrow = name.endsWith('OrThrow');
  const bare = orThrow ? name.slice(0, -'OrThrow'.length) : name;
  const action = ACTIONS.find((candidate) => bare.startsWith(candidate));
  if (action === undefined) throw new Error(`This engine does not know the operation ${name}.`);
  const modelName = bare.slice(action.length);
  return {
    modelName,
    action: orThrow ? `${action}OrThrow` : action,
    query: {
      arguments: tagJsonArguments(given, modelName, models),
      selection: COUNTING.has(action) ? { count: true } : toSelection(field),
    },
  };
}

function toArguments(given: readonly GraphQLArgument[] = []): Record<string, unknown> {
  return Object.fromEntries(given.map((argument) => [argument.name.value, toConstant(argument.value)]));
}

function toSelection(field: GraphQLField): Record<string, unknown> {
  const chosen = field.selectionSet?.selections ?? [];
  return Object.fromEntries(
    chosen.map((inner) => {
      const isPlain = inner.selectionSet === undefined && (inner.arguments?.length ?? 0) === 0;
      return [
        inner.name.value,
        isPlain ? true : { arguments: toArguments(inner.arguments), selection: toSelection(inner) },
      ];
    }),
  );
}

function toConstant(value: GraphQLValue): unknown {
  switch (value.kind) {
    case 'StringValue':
    case 'EnumValue':
    case 'BooleanValue':
      return value.value;
    case 'IntValue': {
      const number = Number(value.value);
      return Number.isSafeInteger(number) ? number : { $type: 'BigInt', value: value.value };
    }
    case 'FloatValue':
      return Number(value.value);
    case 'NullValue':
      return null;
    case 'ListValue':
      return value.values.map(toConstant);
    case 'ObjectValue':
      return toArguments(value.fields);
  }
}

// Json columns arrive as text, like any string. The engine wants them marked, so the schema says which they are.

/** model -> field -> type, as the schema names them. */
export type Models = ReadonlyMap<string, ReadonlyMap<string, string>>;

const MODEL = /^model\s+(\w+)\s*\{([\s\S]*?)^\}/gm;
const FIELD = /^\s+(\w+)\s+(\w+)/gm;
// Inside a Json filter or update these keys hold the value; others (`path`, `mode`) are the engine's own.
const HOLDS_JSON = new Set(['set', 'equals', 'not', 'array_contains', 'push']);

/** Reads the models of a Prisma schema. */
export function readModels(schema: string): Models {
  const models = new Map<string, ReadonlyMap<string, string>>();
  for (const [, name = '', body = ''] of schema.matchAll(MODEL)) {
    models.set(name, new Map([...body.matchAll(FIELD)].map(([, field = '', type = '']) => [field, type])));
  }
  return models;
}

/** Marks every text that stands where `model`, or a model it leads to, has a Json column. */
export function tagJsonArguments(value: unknown, model: string, models: Models): unknown {
  if (Array.isArray(value)) return value.map((item) => tagJsonArguments(item, model, models));
  if (!isPlainObject(value)) return value;
  return mapValues(value, (item, key) => {
    const type = models.get(model)?.get(key);
    if (type === 'Json') return tagJson(item);
    return tagJsonArguments(item, type !== undefined && models.has(type) ? type : model, models);
  });
}

function tagJson(value: unknown): unknown {
  if (typeof value === 'string') return { $type: 'Json', value };
  if (Array.isArray(value)) return value.map(tagJson);
  if (!isPlainObject(value)) return value;
  return mapValues(value, (item, key) => (HOLDS_JSON.has(key) ? tagJson(item) : item));
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !('$type' in value);
}

function mapValues(value: Record<string, unknown>, change: (item: unknown, key: string) => unknown) {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, change(item, key)]));
}

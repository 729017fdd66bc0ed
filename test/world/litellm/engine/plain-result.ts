// The engine marks values with their type; prisma-client-py expects them bare, under `result`.

type EngineResult = { readonly data?: Record<string, unknown>; readonly errors?: unknown };

/** The answer to one query as prisma-client-py reads it; errors pass as they are. */
export function toClientResult(result: EngineResult): unknown {
  if (result.errors !== undefined || result.data === undefined) return result;
  return { data: { result: toPlain(Object.values(result.data)[0]) } };
}

function toPlain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toPlain);
  if (typeof value !== 'object' || value === null) return value;
  if ('$type' in value && 'value' in value) {
    return value.$type === 'BigInt' ? Number(value.value) : value.value;
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toPlain(item)]));
}

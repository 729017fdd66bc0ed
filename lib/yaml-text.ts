// A YAML file that a person wrote, as a plain value, with the line of every problem found in it.

import { LineCounter, parseDocument } from 'yaml';
import { formatPath, type Problem, problemsError } from './problems.ts';

export type YamlText = {
  readonly value: unknown;
  /** The problems of `file` as one error, each with the line of the nearest node that exists on its path. */
  toError(problems: readonly Problem[], paths: readonly (readonly PropertyKey[])[]): Error;
};

/** `file` is its name for people. @throws ControlError CONFIG_INVALID with every mistake in the syntax */
export function parseYamlText(file: string, text: string): YamlText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, version: '1.2' });
  if (document.errors.length > 0) {
    throw problemsError(
      file,
      document.errors.map((error) => ({
        path: '(syntax)',
        line: lines.linePos(error.pos[0]).line,
        message: (error.message.split('\n')[0] ?? error.code).replace(/ at line \d+, column \d+:$/, '.'),
      })),
    );
  }
  return {
    value: resolveDocument(file, document),
    toError: (problems, paths) => {
      const lineOf = new Map<string, number>();
      for (const path of paths) {
        const line = findLine(document, lines, path);
        if (line !== undefined) lineOf.set(formatPath(path), line);
      }
      return problemsError(
        file,
        problems.map((problem): Problem => {
          const line = lineOf.get(problem.path);
          return line === undefined ? problem : { ...problem, line };
        }),
      );
    },
  };
}

/** The document as a plain value. Resolving fails on an alias without an anchor, or on too many of them. */
function resolveDocument(file: string, document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw problemsError(file, [
      { path: '(syntax)', message: error instanceof Error ? error.message : String(error) },
    ]);
  }
}

/** The line of the nearest node that exists on `path`. */
function findLine(
  document: ReturnType<typeof parseDocument>,
  lines: LineCounter,
  path: readonly PropertyKey[],
): number | undefined {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true) as
      | { range?: [number, number, number] }
      | undefined;
    if (node?.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

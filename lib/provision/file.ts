// Reads droplet/droplet.yml as text: YAML syntax, then the form, with the line of every problem.

import { describeProblems } from '../problems.ts';
import { parseYamlText } from '../yaml-text.ts';
import { KNOWN_KEYS, type Wanted, wantedSchema } from './wanted.ts';

/** @throws ControlError CONFIG_INVALID with every problem, each with its line. */
export function parseDropletFile(text: string): Wanted {
  const { value, toError } = parseYamlText('droplet.yml', text);
  const result = wantedSchema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const paths = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path],
  );
  throw toError(describeProblems(result.error, { knownKeys: KNOWN_KEYS }), paths);
}

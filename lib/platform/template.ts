// Fills ${NAME} in project.yml as DigitalOcean's deployer does: plain text, before the YAML is read, so a value can
// break the file. https://github.com/digitalocean/functions-deployer src/util.ts, substituteFromEnvAndFiles

import { parseDocument, visit } from 'yaml';
import type { Problem } from '../problems.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const VARIABLE = /\$\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}/g;

/** The text with every variable filled in, and the names that are unset or empty. A line break in a value becomes
 *  the two characters \n, as the deployer writes it. Pure. */
export function fillTemplate(
  text: string,
  environment: Environment,
): { readonly text: string; readonly missing: readonly string[] } {
  const missing = new Set<string>();
  const filled = text.replace(VARIABLE, (_, name: string) => {
    const value = environment[name];
    if (value === undefined || value === '') {
      missing.add(name);
      return `<${name}>`;
    }
    return value.replaceAll('\n', '\\n');
  });
  return { text: filled, missing: [...missing].sort() };
}

/** Why `environment` cannot be deployed with this project.yml: a variable unset, or a value that would arrive
 *  changed or break the YAML. Names and characters only, never a value. Pure; sorted by name. */
export function checkDeployEnvironment(projectText: string, environment: Environment): Problem[] {
  return variableNames(projectText).flatMap((name): Problem[] => {
    const value = environment[name];
    if (value === undefined || value === '') {
      return [{ path: name, message: 'It is unset or empty; give it a value in .env.' }];
    }
    if (arrivesUnchanged(projectText, name, value)) return [];
    const characters = [...new Set(value.match(/['"\\\n\r\t#:{}[\]&*!|>%@`]/g) ?? [])];
    const found = characters.map((character) => JSON.stringify(character)).join(' ') || 'a character';
    return [
      {
        path: name,
        message: `Its value cannot stand in project.yml as plain text (it holds ${found}); make one without it.`,
      },
    ];
  });
}

/** Names of all variables in the template, sorted, each once; those in comments too, as the deployer has it. */
export function variableNames(projectText: string): string[] {
  return [...new Set([...projectText.matchAll(VARIABLE)].map((match) => match[1] ?? ''))].sort();
}

/** Templates of the deployer's that nobody here uses: dictionaries `$(A B)`, files and unescaped values. They would
 *  be filled in by a deployment and left standing by us, so they are refused. */
export function hasForeignTemplate(projectText: string): boolean {
  return /\$[({]/.test(projectText.replace(VARIABLE, ''));
}

/** Whether the deployed function would read exactly `value`: the file parsed with it differs from the template only
 *  where the variable stood. */
function arrivesUnchanged(projectText: string, name: string, value: string): boolean {
  if (value.includes('\t')) return false; // the deployer refuses a project.yml with a tab anywhere
  const pattern = new RegExp(`\\$\\{\\s*${name}\\s*\\}`, 'g');
  const expected = scalars(projectText).map((text) => text.replace(pattern, () => value));
  const actual = scalars(projectText.replace(pattern, () => value.replaceAll('\n', '\\n')));
  return JSON.stringify(actual) === JSON.stringify(expected);
}

/** Every scalar of the file in order, or nothing when it does not parse. */
function scalars(text: string): string[] {
  const document = parseDocument(text, { uniqueKeys: true });
  if (document.errors.length > 0) return [];
  const found: string[] = [];
  visit(document, { Scalar: (_, node) => void found.push(String(node.value)) });
  return found;
}

// Calls a model as a person's program would: one chat completion with their key.

import * as z from 'zod';
import type { Secret } from '../../lib/secret.ts';

export type ModelAnswer = {
  /** 200, or LiteLLM's refusal: 401 for a blocked or unknown key, 403 for a model the team lacks. */
  readonly status: number;
  /** The model's words, or the reason of the refusal. */
  readonly text: string;
};

const CALL_LIMIT_MS = 30_000;

const answerSchema = z.object({ choices: z.array(z.object({ message: z.object({ content: z.string() }) })) });
const refusalSchema = z.object({ error: z.object({ message: z.string() }) });

export async function callModel(
  baseUrl: string,
  { key, model }: { readonly key: Secret; readonly model: string },
): Promise<ModelAnswer> {
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key.reveal()}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Who are you?' }] }),
    signal: AbortSignal.timeout(CALL_LIMIT_MS),
  });
  const text = await response.text();
  return { status: response.status, text: readWords(text) };
}

function readWords(text: string): string {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return text;
  }
  const answer = answerSchema.safeParse(body);
  if (answer.success) return answer.data.choices.map((choice) => choice.message.content).join('\n');
  const refusal = refusalSchema.safeParse(body);
  return refusal.success ? refusal.data.error.message : text;
}

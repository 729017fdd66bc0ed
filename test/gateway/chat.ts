// Calls a model the way a colleague's program does.

export type ChatAnswer = { readonly status: number; readonly text: string };

export async function chat(baseUrl: string, key: string, model = 'gpt-4'): Promise<ChatAnswer> {
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Who are you?' }] }),
  });
  return { status: response.status, text: await response.text() };
}

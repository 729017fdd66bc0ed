// Reads LiteLLM's own access log, so that a test can count what LiteLLM was asked, not what we think we asked.

export type LoggedRequest = { readonly method: string; readonly path: string; readonly status: number };

const LINE = /^INFO:\s+\S+ - "([A-Z]+) (\S+) HTTP\/[\d.]+" (\d{3})/gm;

/** Every request in the log, oldest first; the path without its query. */
export function parseRequestLog(text: string): LoggedRequest[] {
  return [...text.matchAll(LINE)].map(([, method = '', path = '', status]) => ({
    method,
    path: path.split('?')[0] ?? path,
    status: Number(status),
  }));
}

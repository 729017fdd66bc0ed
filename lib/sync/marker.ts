// The provenance marker: proof in LiteLLM's metadata that we made a team, user or key. What does not carry it
// was made by hand and is left alone.

import type { GatewayMetadata } from '../gateway/state.ts';

const MARKER_KEY = 'litellm_control_plane';

/** Metadata for what we make; `fields` are identifiers, never secrets. */
export function markedMetadata(fields: Readonly<Record<string, unknown>> = {}): GatewayMetadata {
  return { [MARKER_KEY]: { managed: true, ...fields } };
}

export function isManaged(thing: { readonly metadata: GatewayMetadata }): boolean {
  const marker = thing.metadata[MARKER_KEY];
  return typeof marker === 'object' && marker !== null && 'managed' in marker && marker.managed === true;
}

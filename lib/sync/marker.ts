// The provenance marker: proof in LiteLLM's metadata that we made a team, user or key. What does not carry it
// was made by hand and is left alone.

import type { GatewayMetadata } from '../gateway/state.ts';

const MARKER_KEY = 'litellm_control_plane';

/** Metadata for what we make; `fields` are identifiers, never secrets. */
export function markedMetadata(fields: Readonly<Record<string, unknown>> = {}): GatewayMetadata {
  return { [MARKER_KEY]: { managed: true, ...fields } };
}

/** A team that we took out of use; it is ours all the same. */
export function isArchived({ metadata }: { readonly metadata: GatewayMetadata }): boolean {
  const marker = metadata[MARKER_KEY];
  return typeof marker === 'object' && marker !== null && 'archived' in marker && marker.archived === true;
}

/** Metadata for what we give back to the hands of others. */
export function releasedMetadata(): GatewayMetadata {
  return { [MARKER_KEY]: { managed: false, released: true } };
}

export function isManaged(thing: { readonly metadata: GatewayMetadata }): boolean {
  const marker = thing.metadata[MARKER_KEY];
  return typeof marker === 'object' && marker !== null && 'managed' in marker && marker.managed === true;
}

// What an adoption is decided from: LiteLLM under its own ids, what is ours already, and whom Entra wants where.

import type { GatewayState } from '../../gateway/state.ts';
import type { EntraGroupId, EntraUserId } from '../../ids.ts';
import type { StoredAdoption } from '../../store/adoptions.ts';
import type { StoredKey } from '../../store/keys.ts';
import type { DesiredState } from '../desired.ts';

export type Present = {
  readonly gateway: GatewayState;
  readonly adoptions: readonly StoredAdoption[];
  /** Our own records, ended ones included. */
  readonly keys: readonly StoredKey[];
  /** What policy and Entra ask for in every team, the ones to adopt included. */
  readonly desired: DesiredState;
  readonly now: Date;
};

export type TeamPair = { readonly groupId: EntraGroupId; readonly teamId: string };
export type UserPair = { readonly entraId: EntraUserId; readonly userId: string };

/** Why something is not adopted, as a sentence for the Admin; undefined when it may be. */
export type Why = string | undefined;

// Why a read is incomplete, from the error that ended it.

import type { ControlError } from '../errors.ts';
import type { IncompleteReason } from './read.ts';

/** The reason for an error of the directory client. A code that it should never give counts as an invalid
 *  answer: whatever it was, the group was not read. */
export function reasonOf(error: ControlError): IncompleteReason {
  switch (error.code) {
    case 'GRAPH_THROTTLED':
      return 'throttled';
    case 'GRAPH_UNAVAILABLE':
      return 'unavailable';
    case 'GRAPH_DENIED':
      return 'denied';
    case 'DEADLINE_REACHED':
      return 'deadline';
    default:
      return 'answer-invalid';
  }
}

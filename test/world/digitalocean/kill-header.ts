/** Tells the stand-in for doctl to die, as the fault that was meant for it. */
export const KILL_HEADER = 'x-test-kill';

// The parts of Microsoft's Graph library that client.ts uses, by themselves, so that a lazy import of them leaves
// the rest out of the bundle.

export {
  AuthenticationHandler,
  AuthenticationHandlerOptions,
  Client,
  ResponseType,
} from '@microsoft/microsoft-graph-client';

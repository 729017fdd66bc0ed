// The one credential we use, by itself: imported lazily from here, the bundle leaves the library's other twenty out
// (a lazy import of the library as a whole would keep them all).

export { ClientSecretCredential } from '@azure/identity';

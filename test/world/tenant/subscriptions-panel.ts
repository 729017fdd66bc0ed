// What tests, demo and console may do to subscriptions behind the product's back: what Microsoft, another
// administrator or chance does to them in life.

import type { Publisher } from './delivery-publish.ts';
import type { Subscriptions } from './subscriptions.ts';

export type SubscriptionsPanel = ReturnType<typeof createSubscriptionsPanel>;

/** The panel over `subscriptions`; functions that name an unknown one throw an Error, except `remove`. */
export function createSubscriptionsPanel(subscriptions: Subscriptions, publisher: Publisher) {
  return {
    /** Live ones, clientState included, in the order they were made. */
    list: subscriptions.list,
    /** Loses one without a word, as happens; false when there is none. */
    remove: subscriptions.remove,
    /** Sets any of its values, as somebody else with the application's secret could. */
    change: subscriptions.change,
    requestReauthorization: publisher.requestReauthorization,
    sendLifecycle: publisher.sendLifecycle,
  };
}

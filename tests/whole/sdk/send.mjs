// Sends one call of each kind with the Node client, as a shop's server would.
import { Analytics } from "@segment/analytics-node";

const [host, writeKey] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host, maxEventsInBatch: 3, maxRetries: 3 });
const failures = [];
analytics.on("error", (error) => failures.push(error));

const userId = "node-user";
analytics.identify({ userId, traits: { email: "nora@shop-mail.org", n: 1 } });
analytics.track({ userId, event: "Product Viewed", properties: { product_id: "tea", n: 2 } });
analytics.page({ userId, name: "Home", properties: { n: 3 } });
analytics.screen({ userId, name: "Cart", properties: { n: 4 } });
analytics.group({ userId, groupId: "club", traits: { n: 5 } });
analytics.alias({ previousId: "node-visitor", userId });
analytics.track({
  userId,
  event: "Order Completed",
  properties: { order_id: "node-1", currency: "EUR", products: [{ product_id: "tea", quantity: "2", price: "3.50" }], n: 7 },
});
await analytics.closeAndFlush();
if (failures.length) {
  console.error(failures);
  process.exit(1);
}

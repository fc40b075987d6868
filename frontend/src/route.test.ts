import { expect, it } from "vitest";
import { parseRoute, ROUTES, routeHref } from "./route";

it("finds the page of an address", () => {
  for (const route of ROUTES) expect(parseRoute(routeHref(route))).toBe(route);
  expect(["", "#", "#/", "#/nowhere"].map(parseRoute)).toEqual(Array(4).fill("status"));
});

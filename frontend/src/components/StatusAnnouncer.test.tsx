import { screen } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";
import { listInstances } from "../api/relevo";
import { show } from "../test/render";
import { health, sync } from "../test/samples";
import { StatusAnnouncer } from "./StatusAnnouncer";

vi.mock("../api/relevo");
beforeEach(() => {
  vi.mocked(listInstances).mockResolvedValue([]);
});

it("says what changed, and nothing while nothing does", async () => {
  const { live } = await show(<StatusAnnouncer />);
  const region = screen.getByRole("status");
  expect(region).toHaveTextContent("");
  live.say({ sync: sync({ cache_items: 5 }) });
  expect(region).toHaveTextContent("");
  live.say({ health: health({ mysql: false }), sync: sync({ is_consistent: false }) });
  expect(region).toHaveTextContent("MySQL está fuera de línea. Los cambios quedan pendientes.");
  live.say({ health: health() });
  expect(region).toHaveTextContent("MySQL está en línea otra vez.");
  live.say({ sync: sync() });
  expect(region).toHaveTextContent("Sincronizado.");
  live.say({ connection: "disconnected" });
  expect(region).toHaveTextContent("Se perdió la conexión");
  live.say({ connection: "polling" });
  expect(region).toHaveTextContent("Conectado otra vez.");
});

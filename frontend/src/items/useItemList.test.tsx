import { act, screen, waitFor } from "@testing-library/react";
import { useState } from "react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/problem";
import { listInstances, listItems } from "../api/relevo";
import { show } from "../test/render";
import { item, OPERATION, sync } from "../test/samples";
import { useItemList, type Filters, type ItemList } from "./useItemList";

vi.mock("../api/relevo");

let list: ItemList;
let setFilters: (filters: Filters) => void;

function Probe({ filters: first }: { filters: Filters }) {
  const [filters, set] = useState(first);
  setFilters = set;
  list = useItemList(filters);
  return <output>{list.answer?.data.map((one) => one.id).join()}</output>;
}

const page = (ids: (number | string)[], next: string | null = null) => ({
  source: "REDIS_CACHE" as const,
  data: ids.map((id) => item({ id })),
  count: ids.length,
  total: 100,
  next,
});
const shown = (text: string) =>
  waitFor(() => expect(screen.getByRole("status").textContent).toBe(text));
const asked = () => vi.mocked(listItems).mock.lastCall?.[0];

beforeEach(() => {
  vi.resetAllMocks();
  vi.mocked(listInstances).mockResolvedValue([]);
});

describe("useItemList", () => {
  it("follows the cursors forth and back", async () => {
    vi.mocked(listItems).mockImplementation(({ after }) =>
      Promise.resolve(after === undefined ? page([1], "c1") : page([2], "c2")),
    );
    await show(<Probe filters={{}} />);
    await shown("1");
    expect(asked()).toEqual({ limit: 50 });
    act(() => list.setModel({ page: 1, pageSize: 50 }));
    await shown("2");
    expect(asked()).toEqual({ limit: 50, after: "c1" });
    act(() => list.setModel({ page: 0, pageSize: 50 }));
    await shown("1");
    expect(asked()).toEqual({ limit: 50 });
  });

  it("begins anew with another page size", async () => {
    vi.mocked(listItems).mockResolvedValue(page([1], "c1"));
    await show(<Probe filters={{}} />);
    await shown("1");
    act(() => list.setModel({ page: 1, pageSize: 50 }));
    await waitFor(() => expect(asked()).toEqual({ limit: 50, after: "c1" }));
    act(() => list.setModel({ page: 1, pageSize: 100 }));
    await waitFor(() => expect(asked()).toEqual({ limit: 100 }));
    expect(list.model).toEqual({ page: 0, pageSize: 100 });
  });

  it("begins anew with other filters, and forgets the cursors of the old ones", async () => {
    vi.mocked(listItems).mockImplementation(({ q, after }) =>
      Promise.resolve(page([1], `${q ?? "all"}-${after ?? "first"}`)),
    );
    await show(<Probe filters={{}} />);
    await shown("1");
    act(() => list.setModel({ page: 1, pageSize: 50 }));
    await waitFor(() => expect(asked()).toEqual({ limit: 50, after: "all-first" }));
    act(() => setFilters({ q: "x" }));
    await waitFor(() => expect(asked()).toEqual({ q: "x", limit: 50 }));
    expect(list.model.page).toBe(0);
    act(() => list.setModel({ page: 1, pageSize: 50 }));
    await waitFor(() => expect(asked()).toEqual({ q: "x", limit: 50, after: "x-first" }));
    // Nothing was asked for in between.
    expect(listItems).toHaveBeenCalledTimes(4);
  });

  it("begins anew when one turns over before the page is known", async () => {
    vi.mocked(listItems).mockResolvedValue(page([1]));
    await show(<Probe filters={{}} />);
    await shown("1");
    act(() => list.setModel({ page: 1, pageSize: 50 }));
    expect(list.model.page).toBe(0);
    expect(asked()).toEqual({ limit: 50 });
  });

  it("asks again by itself when the state changes: a temporary id becomes the final one", async () => {
    vi.mocked(listItems).mockResolvedValueOnce(page([`pending_${OPERATION}`]));
    const { live } = await show(<Probe filters={{ q: "x" }} />);
    await shown(`pending_${OPERATION}`);
    vi.mocked(listItems).mockResolvedValue(page([7]));
    live.say({ sync: sync({ pending_creates: 1 }) });
    expect(list.loading).toBe(false);
    await shown("7");
    expect(asked()).toEqual({ q: "x", limit: 50 });
  });

  it("keeps what it has when a request fails", async () => {
    vi.mocked(listItems).mockResolvedValueOnce(page([1]));
    await show(<Probe filters={{}} />);
    await shown("1");
    const failure = new ApiError("network", undefined, undefined, 5);
    vi.mocked(listItems).mockRejectedValueOnce(failure);
    act(() => list.refresh());
    await waitFor(() => expect(list.error).toBe(failure));
    await shown("1");
  });

  it("goes back to the first page when the one it shows is gone", async () => {
    vi.mocked(listItems).mockImplementation(({ after }) =>
      Promise.resolve(after === undefined ? page([1], "c1") : page([])),
    );
    await show(<Probe filters={{}} />);
    await shown("1");
    act(() => list.setModel({ page: 1, pageSize: 50 }));
    await waitFor(() => expect(listItems).toHaveBeenCalledTimes(3));
    expect(list.model.page).toBe(0);
  });
});

import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/problem";
import { createItem, deleteItem, getItem, listInstances, patchItem } from "../api/relevo";
import { show } from "../test/render";
import { item, OPERATION } from "../test/samples";
import { problem } from "../test/server";
import { CreateDialog } from "./CreateDialog";
import { DeleteDialog } from "./DeleteDialog";
import { EditDialog } from "./EditDialog";

vi.mock("../api/relevo");

const stale = new ApiError("http", 412, problem("precondition", 412), 1);
const gone = new ApiError("http", 404, problem("not-found", 404), 1);
const updated = { source: "MySQL", status: "updated", data: item() } as const;
const queued = {
  source: "REDIS_BACKUP",
  status: "pending",
  message: "Accepted",
  operation: OPERATION,
} as const;

const onDone = vi.fn();
const onClose = vi.fn();
const field = (name: string | RegExp) => screen.getByRole("textbox", { name });
const press = (name: string) => userEvent.click(screen.getByRole("button", { name }));

async function type(name: RegExp, text: string) {
  await userEvent.clear(field(name));
  await userEvent.type(field(name), text);
}

beforeEach(() => {
  vi.resetAllMocks();
  vi.mocked(listInstances).mockResolvedValue([]);
});

describe("CreateDialog", () => {
  const open = () => show(<CreateDialog onDone={onDone} onClose={onClose} />);

  it("creates an item", async () => {
    vi.mocked(createItem).mockResolvedValue({ source: "MySQL", status: "success", data: item() });
    await open();
    await type(/Código/, "A");
    await type(/Tipo/, "B");
    await type(/Estado/, "C");
    await type(/Área/, "D");
    await press("Guardar");
    expect(createItem).toHaveBeenCalledWith({
      code: "A",
      type: "B",
      status: "C",
      area: "D",
      acquisition_date: null,
    });
    expect(await screen.findByText("Equipo A creado.")).toBeInTheDocument();
    expect(onDone).toHaveBeenCalledTimes(1);
  });

  it("says that an item waits for MySQL", async () => {
    vi.mocked(createItem).mockResolvedValue(queued);
    await open();
    await type(/Código/, "A");
    await press("Guardar");
    expect(await screen.findByText(/queda pendiente/)).toBeInTheDocument();
  });

  it("shows the server's errors at their fields", async () => {
    const errors = [
      { field: "code", message: "must have 1 to 50 characters" },
      { field: "area", message: "required" },
      { field: "extra", message: "unknown field" },
    ];
    const refusal = new ApiError("http", 422, problem("invalid", 422, { errors }), 1);
    vi.mocked(createItem).mockRejectedValue(refusal);
    await open();
    await press("Guardar");
    await waitFor(() => expect(field(/Código/)).toHaveAttribute("aria-invalid", "true"));
    expect(field(/Código/)).toHaveAccessibleDescription("Debe tener de 1 a 50 caracteres");
    expect(field(/Área/)).toHaveAccessibleDescription("Obligatorio");
    expect(field(/Tipo/)).toHaveAttribute("aria-invalid", "false");
    expect(screen.getByText("extra: unknown field")).toBeInTheDocument();
    expect(onDone).not.toHaveBeenCalled();
  });
});

describe("EditDialog", () => {
  async function open(shown = item()) {
    vi.mocked(getItem).mockResolvedValueOnce({ item: shown, etag: '"1"' });
    await show(<EditDialog item={shown} onDone={onDone} onClose={onClose} />);
    await waitFor(() => expect(field(/Área/)).toBeEnabled());
  }

  it("sends only what changed, under the tag it was read with", async () => {
    vi.mocked(patchItem).mockResolvedValue(updated);
    await open();
    await type(/Área/, "Sala 2");
    await press("Guardar");
    expect(patchItem).toHaveBeenCalledWith(1, { area: "Sala 2" }, '"1"');
    expect(onDone).toHaveBeenCalledTimes(1);
  });

  it("saves nothing when nothing changed", async () => {
    await open();
    await press("Guardar");
    expect(patchItem).not.toHaveBeenCalled();
    expect(onClose).toHaveBeenCalledTimes(1);
  });

  it("goes on by itself where only the tag moved: a pending item was drained", async () => {
    await open(item({ id: `pending_${OPERATION}`, version: 0, pending: true }));
    vi.mocked(getItem).mockResolvedValueOnce({ item: item({ id: 7 }), etag: '"2"' });
    vi.mocked(patchItem).mockRejectedValueOnce(stale).mockResolvedValueOnce(updated);
    await type(/Área/, "Sala 2");
    await press("Guardar");
    await waitFor(() => expect(onDone).toHaveBeenCalledTimes(1));
    expect(patchItem).toHaveBeenLastCalledWith(`pending_${OPERATION}`, { area: "Sala 2" }, '"2"');
  });

  async function conflict() {
    await open();
    const theirs = item({ version: 2, area: "Taller", status: "Baja" });
    vi.mocked(getItem).mockResolvedValueOnce({ item: theirs, etag: '"2"' });
    vi.mocked(patchItem).mockRejectedValueOnce(stale);
    await type(/Área/, "Sala 2");
    await press("Guardar");
    await screen.findByText("Otra persona cambió este equipo");
  }

  it("proposes a merge when somebody else changed the item", async () => {
    await conflict();
    const area = screen.getByRole("radiogroup", { name: /Área/ });
    expect(within(area).getByRole("radio", { name: "Lo mío: Sala 2" })).toBeChecked();
    const status = screen.getByRole("radiogroup", { name: /Estado/ });
    expect(within(status).getByRole("radio", { name: "Lo suyo: Baja" })).toBeChecked();
    vi.mocked(patchItem).mockResolvedValueOnce(updated);
    await press("Guardar la mezcla");
    expect(patchItem).toHaveBeenLastCalledWith(1, { area: "Sala 2" }, '"2"');
    expect(onDone).toHaveBeenCalledTimes(1);
  });

  it("can put all of mine over theirs", async () => {
    await conflict();
    vi.mocked(patchItem).mockResolvedValueOnce(updated);
    await press("Todo lo mío");
    await press("Guardar la mezcla");
    const change = { status: "Operativa", area: "Sala 2" };
    expect(patchItem).toHaveBeenLastCalledWith(1, change, '"2"');
  });

  it("can leave all as theirs", async () => {
    await conflict();
    await press("Todo lo suyo");
    await press("Guardar la mezcla");
    expect(patchItem).toHaveBeenCalledTimes(1);
    expect(onClose).toHaveBeenCalledTimes(1);
  });

  it("says that the item is gone", async () => {
    vi.mocked(getItem).mockRejectedValueOnce(gone);
    await show(<EditDialog item={item()} onDone={onDone} onClose={onClose} />);
    expect(await screen.findByText("Otra persona ya eliminó este equipo.")).toBeInTheDocument();
    expect(onDone).toHaveBeenCalledTimes(1);
  });
});

describe("DeleteDialog", () => {
  const open = () => show(<DeleteDialog item={item()} onDone={onDone} onClose={onClose} />);
  const deleted = { source: "MySQL", status: "deleted", id: 1 } as const;

  it("deletes under the tag of what is shown", async () => {
    vi.mocked(getItem).mockResolvedValue({ item: item(), etag: '"1"' });
    vi.mocked(deleteItem).mockResolvedValue(deleted);
    await open();
    await press("Eliminar");
    expect(deleteItem).toHaveBeenCalledWith(1, '"1"');
    expect(await screen.findByText("Equipo PC-01 eliminado.")).toBeInTheDocument();
  });

  it("asks again when the item is another one by now", async () => {
    vi.mocked(getItem).mockResolvedValue({ item: item({ area: "Taller" }), etag: '"2"' });
    vi.mocked(deleteItem).mockResolvedValue(deleted);
    await open();
    await press("Eliminar");
    expect(await screen.findByText(/revise antes de eliminar/)).toBeInTheDocument();
    expect(screen.getByText(/Taller/)).toBeInTheDocument();
    expect(deleteItem).not.toHaveBeenCalled();
    await press("Eliminar");
    expect(deleteItem).toHaveBeenCalledWith(1, '"2"');
  });

  it("is done when somebody else deleted it", async () => {
    vi.mocked(getItem).mockRejectedValue(gone);
    await open();
    await press("Eliminar");
    await waitFor(() => expect(onDone).toHaveBeenCalledTimes(1));
  });
});

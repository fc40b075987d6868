import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { client } from "../api/axios";
import { readToken, storeToken } from "../api/token";
import { i18n } from "../i18n";
import { LiveStatusProvider } from "../status/LiveStatusProvider";
import { FakeLive } from "../test/fakeLive";
import { problem } from "../test/server";
import { SessionProvider, useSession } from "./SessionProvider";

/* A daemon that knows the token `good`, or none at all. */
let access: "token" | "open" | "old";

function Probe() {
  const { session, canWrite, isAdmin, signOut } = useSession();
  return (
    <>
      <output>{session === undefined ? "nobody" : [session.role, canWrite, isAdmin].join()}</output>
      {signOut !== undefined && <button onClick={signOut}>out</button>}
    </>
  );
}

async function open() {
  await i18n.changeLanguage("es");
  render(
    <LiveStatusProvider live={new FakeLive()}>
      <SessionProvider>
        <Probe />
      </SessionProvider>
    </LiveStatusProvider>,
  );
}

const role = (text: string) =>
  waitFor(() => expect(screen.getByRole("status", { hidden: true })).toHaveTextContent(text));

async function signIn(token: string) {
  const input = await screen.findByLabelText("Token");
  await userEvent.clear(input);
  if (token !== "") await userEvent.type(input, token);
  await userEvent.click(screen.getByRole("button", { name: "Entrar" }));
}

beforeEach(() => {
  sessionStorage.clear();
  access = "token";
  client.defaults.adapter = (config) => {
    const answer = (status: number, data: unknown) => ({
      status,
      data,
      statusText: "",
      headers: {},
      config,
    });
    if (config.url !== "/session") return Promise.resolve(answer(200, []));
    const good = config.headers.get("Authorization") === "Bearer good";
    const refusal = access === "old" ? 404 : access === "token" && !good ? 401 : undefined;
    if (refusal === undefined) {
      const found = access === "open" ? { access, role: "admin" } : { access, role: "read" };
      return Promise.resolve(answer(200, found));
    }
    return Promise.reject(
      Object.assign(new Error(), {
        isAxiosError: true,
        config,
        response: answer(refusal, problem("x", refusal)),
      }),
    );
  };
});

describe("SessionProvider", () => {
  it.each(["open", "old"] as const)("asks for nothing where the API is %s", async (kind) => {
    access = kind;
    await open();
    await role("admin,true,true");
    expect(screen.queryByRole("dialog")).toBeNull();
    expect(screen.queryByRole("button", { name: "out" })).toBeNull();
  });

  it("asks for a token when the API wants one, and keeps it for the tab", async () => {
    await open();
    await role("nobody");
    await signIn("good");
    await role("read,false,false");
    expect(screen.queryByRole("dialog")).toBeNull();
    expect(readToken()).toBe("good");
  });

  it("says that a token is wrong, and does not keep it", async () => {
    await open();
    await signIn("bad");
    expect(await screen.findByText("El servidor no acepta este token.")).toBeInTheDocument();
    expect(readToken()).toBeNull();
    await signIn("señal");
    expect(await screen.findByText("El servidor no acepta este token.")).toBeInTheDocument();
    await signIn("");
    expect(await screen.findByText("Escriba el token.")).toBeInTheDocument();
  });

  it("asks again after signing out", async () => {
    storeToken("good");
    await open();
    await role("read,false,false");
    await userEvent.click(screen.getByRole("button", { name: "out" }));
    expect(await screen.findByRole("dialog")).toBeInTheDocument();
    expect(readToken()).toBeNull();
  });
});

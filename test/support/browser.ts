import { accessSync, constants, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";

/** Chromium of this machine, if it has one. */
export const chromiumPath: string | undefined = [
  process.env["DAEDALUS_CHROMIUM"],
  ...(process.env["PATH"] ?? "")
    .split(delimiter)
    .flatMap((folder) => ["chromium", "chromium-browser", "google-chrome"].map((name) => join(folder, name))),
].find((path) => path !== undefined && isProgram(path));

export const whyNoBrowser =
  "no Chromium: install one (on Debian and Ubuntu: apt-get install chromium), or set DAEDALUS_CHROMIUM to its path";

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** A page that was opened, and everything that it said or asked for beside itself. */
export interface OpenedPage {
  readonly page: Page;
  /** Console messages, uncaught errors, requests other than the page's own. */
  readonly noise: readonly string[];
  close(): Promise<void>;
}

export interface Browser {
  open(path: string, options?: { width?: number; height?: number; dark?: boolean }): Promise<OpenedPage>;
  close(): Promise<void>;
}

/** One browser for all tests of a file, with a profile of its own; it speaks to nobody by itself. */
export async function openBrowser(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), "daedalus-chromium-"));
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
    viewport: { width: 1280, height: 900 },
    args: [
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  return {
    open: async (path, { width = 1280, height = 900, dark = false } = {}) => {
      const page = await context.newPage();
      const noise: string[] = [];
      page.on("console", (message) => noise.push(`${message.type()}: ${message.text()}`));
      page.on("pageerror", (error) => noise.push(`error: ${error.message}`));
      page.on("dialog", (dialog) => {
        noise.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      const address = `file://${path}`;
      page.on("request", (request) => {
        if (request.url() !== address && !request.url().startsWith("data:")) noise.push(`request: ${request.url()}`);
      });
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
      await page.goto(address);
      return { page, noise, close: () => page.close() };
    },
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

// How long a test may take before it counts as hanging. Real servers and many nodes on two cores need more of it; no test asserts a time.
import { jest } from "@jest/globals";

const { stoaForm } = globalThis as { stoaForm?: string };

jest.setTimeout(stoaForm === "mesh" ? 120_000 : 30_000);

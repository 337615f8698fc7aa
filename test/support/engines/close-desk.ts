import { closeDesk } from "./desk.ts";

/** Jest's globalTeardown. */
export default closeDesk;

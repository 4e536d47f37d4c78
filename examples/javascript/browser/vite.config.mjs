import { fileURLToPath } from "node:url";

import { api } from "./api.mjs";

// The package is a link to another folder of this repository.
const allow = [fileURLToPath(new URL("../../..", import.meta.url))];

export default { plugins: [api()], server: { fs: { allow } } };

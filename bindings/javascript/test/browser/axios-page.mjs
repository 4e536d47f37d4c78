/** A page whose requests go through axios and its XMLHttpRequest. */
import axios from "axios";
import { install } from "rekindle/axios";

import "./page.mjs";

globalThis.client = axios.create({ adapter: "xhr", validateStatus: () => true });
globalThis.use = () => install(client, session);

/** The sessions of all users, on the server alone: with more than one server process, give it a store that they share. */
import { App } from "rekindle";

export const app = new App({ tokenUrl: process.env.TOKEN_URL ?? "https://auth.example.com/token", clientId: "app", origins: ["https://api.example.com"] });

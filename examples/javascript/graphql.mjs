// A GraphQL query. `UNAUTHENTICATED` is answered with the mutation `refreshToken`, and the query is sent again.
import { Client, Session } from "rekindle";

const { API_URL: baseUrl, ACCESS_TOKEN: accessToken, REFRESH_TOKEN: refreshToken } = process.env;
const session = new Session({ dialect: "graphql", tokenUrl: baseUrl, tokens: { accessToken, refreshToken } });
const client = new Client(session, { baseUrl, graphqlPath: "/" });

const students = await client.graphql("{ students(limit: 5) { id fullName classroomName } }");
console.log(students);

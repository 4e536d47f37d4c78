// A GraphQL query in a page. `UNAUTHENTICATED` is answered with the mutation `refreshToken`, and the query is sent again.
import { Client, Session, tokensFromLocalStorage } from "rekindle";

const baseUrl = `${location.origin}/graphql`;
const tokens = tokensFromLocalStorage({ accessToken: "accessToken", refreshToken: "refreshToken" });
const session = new Session({ dialect: "graphql", tokenUrl: baseUrl, tokens });
const client = new Client(session, { baseUrl, graphqlPath: "/" });
const { students } = await client.graphql("{ students(limit: 5) { id fullName classroomName } }");
document.body.append(students.map((student) => student.fullName).join(", "));

/** A token endpoint for this example: it takes RT-1 once. */
let refreshes = 0;

export async function POST({ request }) {
  const fields = new URLSearchParams(await request.text());
  if (fields.get("refresh_token") !== "RT-1" || refreshes > 0) return Response.json({ error: "invalid_grant" }, { status: 400 });
  refreshes += 1;
  return Response.json({ access_token: "AT-2", refresh_token: "RT-2", token_type: "Bearer", expires_in: 3600 });
}

export function GET() {
  return Response.json({ refreshes });
}

import os

# ANCHOR: program
from typing import Annotated

import rekindle
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse

api = os.environ["API_URL"]
users = rekindle.AsyncApp(
    token_url=os.environ["TOKEN_URL"], client_id="app", client_secret="app-secret",
    origins=[api], store=rekindle.FileStore.folder("sessions"),  # all workers of this machine share it
)
app = FastAPI()


def signed_in(user: Annotated[str, Header()]) -> rekindle.AsyncSession:  # your own way to tell who asks
    return users.session(user)


@app.post("/sign-in")
async def sign_in(request: Request, session: Annotated[rekindle.AsyncSession, Depends(signed_in)]) -> None:
    await session.sign_in(rekindle.Credential.from_response(await request.json()))


@app.get("/data")
async def data(session: Annotated[rekindle.AsyncSession, Depends(signed_in)]) -> str:
    async with rekindle.AsyncClient(session, base_url=api) as client:
        return (await client.get("/data")).raise_for_status().text


@app.exception_handler(rekindle.LoginRequired)
@app.exception_handler(rekindle.SignedOut)
async def login_required(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": "login_required"}, status_code=401)


@app.exception_handler(rekindle.RekindleError)
async def failed(request: Request, error: rekindle.RekindleError) -> JSONResponse:
    if error.retryable:
        return JSONResponse({"error": "try again later"}, status_code=503, headers={"Retry-After": "5"})
    raise HTTPException(502, error.kind)
# ANCHOR_END: program

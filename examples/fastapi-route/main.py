"""A route that waits for its answer, with the official OpenAI SDK unchanged.

    pip install -r requirements.txt
    uvicorn main:app --port 8000
    curl -X PUT http://127.0.0.1:8000/tickets/842/summary -H 'content-type: application/json' -d '{"text":"..."}'
"""

import os

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from openai import APIStatusError, AsyncOpenAI
from pydantic import BaseModel

WAIT_SECONDS = int(os.environ.get("WAIT_SECONDS", "30"))
MODEL = os.environ.get("MODEL", "demo")

client = AsyncOpenAI(
    base_url=os.environ.get("REQRUN_BASE_URL", "http://127.0.0.1:8080/v1"),
    api_key=os.environ.get("REQRUN_API_KEY", "unused"),
)
app = FastAPI()


class Ticket(BaseModel):
    text: str


@app.put("/tickets/{ticket}/summary")
async def summarise(ticket: str, body: Ticket) -> Response:
    # The key names the work: a PUT that is sent again joins the first one, and pays once.
    try:
        answer = await client.chat.completions.with_raw_response.create(
            model=MODEL,
            messages=[{"role": "user", "content": f"Summarise this ticket:\n{body.text}"}],
            extra_headers={
                "Idempotency-Key": f"ticket-{ticket}-summary-v1",
                "Prefer": f"wait={WAIT_SECONDS}",
            },
            # Longer than the wait, so that ReqRun's answer comes first.
            timeout=WAIT_SECONDS + 30,
        )
    except APIStatusError as error:
        # A recorded failure, or a refusal such as idempotency_key_reused.
        return JSONResponse({"error": error.code}, status_code=error.status_code)
    if answer.status_code == 202:
        # Accepted and not finished: the same PUT, sent again, gets the result.
        retry_after = answer.headers.get("retry-after", "1")
        return JSONResponse({"status": "running"}, status_code=202, headers={"retry-after": retry_after})
    completion = answer.parse()
    return JSONResponse({"summary": completion.choices[0].message.content})

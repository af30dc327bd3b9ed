# The official Python client, unmodified: only its base URL is ReqRun's.
import json
import os
import time

import openai

client = openai.OpenAI(base_url=os.environ["BASE_URL"], api_key="unused")


def say(what, *seen):
    print(f"{what}: {' '.join(json.dumps(one, separators=(',', ':')) for one in seen)}")


def until_done(response):
    while response.status in ("queued", "in_progress"):
        time.sleep(0.1)
        response = client.responses.retrieve(response.id)
    return response


held = client.responses.create(model="gpt-test", input="Say hello.")
say("held", held.status, held.output_text)

key = os.environ["KEY"]
background = {"model": "slow", "input": "Say hello.", "background": True, "metadata": {"ticket": "842"}}
created = client.responses.create(**background, extra_headers={"Idempotency-Key": key})
say("background", created.status, created.background, created.id == key, created.metadata)
done = until_done(created)
say("retrieved", done.status, done.output_text, done.id == key, done.background)
again = client.responses.create(**background, extra_headers={"Idempotency-Key": key})
say("created again", again.status, again.output_text, again.id == key)

items = list(client.responses.input_items.list(done.id))
say("input items", len(items), items[0].type, items[0].role, items[0].content[0].text)

following = client.responses.create(model="gpt-test", input="And again.", previous_response_id=key)
say("next turn", following.output_text, following.previous_response_id == key)

tools = [{"type": "function", "name": "add", "parameters": {"type": "object"}, "strict": False}]
turn = [{"role": "user", "content": "What is 2 + 2?"}]
asks = client.responses.create(model="gpt-test", input=turn, tools=tools)
call = next(item for item in asks.output if item.type == "function_call")
say("tool call", call.name, call.arguments)
output = {"type": "function_call_output", "call_id": call.call_id, "output": "4"}
told = client.responses.create(model="gpt-test", tools=tools, input=[*turn, *asks.output, output])
say("tool answer", told.output_text)

schema = {"type": "json_schema", "name": "answer", "strict": True, "schema": {"type": "object"}}
parsed = client.responses.create(model="gpt-test", input="JSON, please.", text={"format": schema})
say("text.format", parsed.text.format.type, json.loads(parsed.output_text))

thought = client.responses.create(
    model="gpt-test",
    input="Think.",
    reasoning={"effort": "low"},
    store=False,
    include=["reasoning.encrypted_content"],
)
say("reasoning", thought.output[0].type, thought.output[0].encrypted_content)
continued = client.responses.create(model="gpt-test", input=[thought.output[0], {"role": "user", "content": "Go on."}])
say("reasoning again", continued.output_text)

unknown = client.responses.create(model="gpt-test", input="Say hello.", extra_body={"field_of_2030": {"a": [1]}})
say("unknown field", unknown.field_of_2030, unknown.usage.total_tokens)

stalled = client.responses.create(model="stalls", input="Never.", background=True)
cancelled = client.responses.cancel(stalled.id)
say("cancelled", cancelled.status, client.responses.cancel(stalled.id).status)
client.responses.delete(stalled.id)
try:
    client.responses.retrieve(stalled.id)
except openai.APIStatusError as error:
    say("deleted", type(error).__name__)

failed = until_done(client.responses.create(model="fails", input="No.", background=True))
say("failed", failed.status, failed.error.code)
try:
    client.responses.create(model="fails", input="No.")
except openai.APIStatusError as error:
    say("failed while held", type(error).__name__, error.status_code, error.code)

say("models", [model.id for model in client.models.list()], client.models.retrieve("gpt-test").id)

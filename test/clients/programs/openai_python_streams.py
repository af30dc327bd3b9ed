# The official Python client, unmodified, with streams: plain iteration and its helpers.
import openai

from situations import play_all

MESSAGES = [{"role": "user", "content": "hi"}]
PARAMETERS = {
    "type": "object",
    "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
    "required": ["a", "b"],
    "additionalProperties": False,
}
CHAT_TOOLS = [{"type": "function", "function": {"name": "add", "parameters": PARAMETERS, "strict": True}}]
TOOLS = [{"type": "function", "name": "add", "parameters": PARAMETERS, "strict": True}]


def client_of(base_url):
    return openai.OpenAI(base_url=base_url, api_key="unused")


def read_event(event, seen):
    if event.type == "response.output_text.delta":
        seen.add(event.delta)
    if event.type == "response.reasoning_summary_text.delta":
        seen.reasoning += event.delta
    if event.type == "response.output_item.done" and event.item.type == "function_call":
        seen.tools.append([event.item.name, event.item.arguments])
    if event.type == "response.completed":
        seen.end = event.response.status
    if event.type == "response.failed":
        seen.end = f"failed {event.response.error.code}"


def read_response(events, seen):
    for event in events:
        read_event(event, seen)


def chat_plain(base_url, key, seen):
    stream = client_of(base_url).chat.completions.create(
        model=key, messages=MESSAGES, tools=CHAT_TOOLS, stream=True, extra_body={"idempotency_key": key}
    )
    for chunk in stream:
        choice = chunk.choices[0]
        seen.add(choice.delta.content or "")
        for call in choice.delta.tool_calls or []:
            if call.index == len(seen.tools):
                seen.tools.append([call.function.name, ""])
            seen.tools[call.index][1] += call.function.arguments
        seen.end = seen.end or choice.finish_reason


def chat_helper(base_url, key, seen):
    with client_of(base_url).chat.completions.stream(
        model=key, messages=MESSAGES, tools=CHAT_TOOLS, extra_body={"idempotency_key": key}
    ) as stream:
        for event in stream:
            if event.type == "content.delta":
                seen.add(event.delta)
            if event.type == "tool_calls.function.arguments.done":
                seen.tools.append([event.name, event.arguments])
        seen.end = stream.get_final_completion().choices[0].finish_reason


def responses_plain(base_url, key, seen):
    stream = client_of(base_url).responses.create(
        model=key, input="hi", tools=TOOLS, stream=True, extra_body={"idempotency_key": key}
    )
    read_response(stream, seen)


def responses_helper(base_url, key, seen):
    with client_of(base_url).responses.stream(
        model=key, input="hi", tools=TOOLS, extra_body={"idempotency_key": key}
    ) as stream:
        read_response(stream, seen)
        seen.end = stream.get_final_response().status


# Leaves after its first delta, and goes on with the next event.
def responses_retrieved(base_url, key, seen):
    client = client_of(base_url)
    last = None
    with client.responses.create(
        model=key, input="hi", tools=TOOLS, stream=True, extra_body={"idempotency_key": key}
    ) as stream:
        for event in stream:
            read_event(event, seen)
            last = event.sequence_number
            if event.type.endswith(".delta"):
                break
    seen.away()
    read_response(client.responses.retrieve(key, stream=True, starting_after=last), seen)


play_all(
    {
        "chat plain": chat_plain,
        "chat helper": chat_helper,
        "responses plain": responses_plain,
        "responses helper": responses_helper,
        "responses retrieved": responses_retrieved,
    }
)

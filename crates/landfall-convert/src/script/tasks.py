"""The tasks as they come in."""


def tasks(stream):
    """The lists of words that come. At their end nobody waits for an answer any more: the process ends, whatever it does then.
    Threads that the libraries leave behind must not hold that up."""
    lists = queue.SimpleQueue()

    def read():
        for words in words_of(stream):
            lists.put(words)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield lists.get()


def words_of(stream):
    """The lists of words that come, up to the end."""
    words = []
    word = bytearray()
    while byte := stream.read(1):
        if byte != b"\0":
            word += byte
        elif word:
            words.append(word.decode())
            word.clear()
        else:
            yield words
            words = []


def do(answer, task, *arguments):
    """Does one task, and writes its answer."""
    arguments = ["" if argument == "-" else argument for argument in arguments]
    try:
        found = {"keras": keras_to_saved_model, "onnx": to_onnx}[task](*arguments)
        lines = [f"{key}\t{value}" for key, value in found.items()]
    except Refused as refused:
        lines = [f"error\t{refused.kind}\t{refused}"]
    except Exception as error:
        traceback.print_exc()
        lines = [f"error\tfailed\t{one_line(error)}"]
    with open(answer, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def main():
    # What libraries print is none of the lines that say a task is done.
    done = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for words in tasks(sys.stdin.buffer):
        do(*words)
        print("done", file=done, flush=True)


main()

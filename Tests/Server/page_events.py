"""The page's parser of server-sent events, asked directly: every way to cut a stream in two, and into single bytes."""

from page_browser import Browser

READ = """async ([bytes, cuts]) => {
    const all = [];
    for (const places of cuts) {
        const stream = new ReadableStream({ start(controller) {
            let from = 0;
            for (const to of [...places, bytes.length]) { controller.enqueue(Uint8Array.from(bytes.slice(from, to))); from = to; }
            controller.close();
        } });
        const found = [];
        for await (const data of events(stream)) found.push(data);
        all.push(found);
    }
    return all;
}"""


class Events(Browser):
    def check(self, text, expected):
        data = list(text.encode())
        cuts = [[]] + [[at] for at in range(1, len(data))] + [list(range(1, len(data)))]
        for places, found in zip(cuts, self.page.evaluate(READ, [data, cuts])):
            self.assertEqual(found, expected, (text, places))

    def test_lines_of_all_kinds_cut_anywhere(self):
        for ends in ["\n", "\r\n", "\r"]:
            self.check(f"\ufeff: hello{ends}{ends}event: x{ends}data: 1{ends}data:2{ends}id{ends}data:  λ🌈{ends}{ends}{ends}"
                       f"retry: 5{ends}{ends}data{ends}data: [DONE]{ends}{ends}", ["1\n2\n λ🌈", "\n[DONE]"])

    def test_an_event_without_its_end_is_none(self):
        for tail in ["data: b", "data: b\n", "data: b\r\n", "dat"]:
            self.check("data: a\n\n" + tail, ["a"])
        self.check("", [])

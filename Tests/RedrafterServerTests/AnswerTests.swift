#if Server
    import RedrafterFormats
    import RedrafterServing
    import Testing

    @testable import RedrafterServer

    @Suite struct AnswerTests {
        @Test("A page brings its policy in its first line; without one nothing may run")
        func policy() {
            let page = Page(Array("<!-- Content-Security-Policy: default-src 'self' -->\n<p>".utf8))
            #expect(page.policy == "default-src 'self'")
            for text in ["", "<p>", "<!-- Content-Security-Policy: x\n -->"] {
                #expect(Page(Array(text.utf8)).policy == "default-src 'none'")
            }
            #expect(Page.shipped.policy.contains("script-src 'sha256-"))
            #expect(!Page.shipped.policy.contains("unsafe"))
        }

        @Test("Dates are HTTP's")
        func dates() {
            #expect(HTTPDate.text(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
            #expect(HTTPDate.text(0) == "Thu, 01 Jan 1970 00:00:00 GMT")
        }

        @Test("Metrics have vLLM's names, and histograms add up")
        func metrics() {
            var metrics = EngineMetrics()
            metrics.finished.stop = 3
            for value in [0.001, 0.03, 500] { metrics.timeToFirstToken.observe(value) }
            let lines = PrometheusText(metrics).text.split(separator: "\n")
            for line in [
                "redrafter:request_success_total{finished_reason=\"stop\"} 3",
                "redrafter:time_to_first_token_seconds_bucket{le=\"0.005\"} 1",
                "redrafter:time_to_first_token_seconds_bucket{le=\"0.04\"} 2",
                "redrafter:time_to_first_token_seconds_bucket{le=\"+Inf\"} 3",
                "redrafter:time_to_first_token_seconds_count 3",
            ] {
                #expect(lines.contains { $0 == line }, "\(line)")
            }
        }

        @Test("An error quotes nothing that could move a cursor, and not much")
        func errors() throws {
            let error = APIError.field("\u{1B}[2J" + String(repeating: "a", count: 10_000), "is wrong")
            let text = String(decoding: error.json.encoded(), as: UTF8.self)
            #expect(!text.contains("\u{1B}") && text.utf8.count < 2000)
            #expect(error.json["error"]?["type"]?.string == "invalid_request_error")
        }
    }
#endif

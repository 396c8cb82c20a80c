#if Server
    import RedrafterFormats
    import RedrafterServing
    import Testing

    @testable import RedrafterServer

    @Suite struct AnswerTests {
        @Test("A page may run its own script and style, and nothing else")
        func policy() {
            let page = Page(Array("<style>a{}</style><script>alert(1)</script>".utf8))
            // printf 'alert(1)' | openssl dgst -sha256 -binary | base64
            #expect(page.policy.contains("script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"))
            #expect(page.policy.contains("style-src 'sha256-"))
            #expect(Page([]).policy.contains("script-src 'none'"))
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

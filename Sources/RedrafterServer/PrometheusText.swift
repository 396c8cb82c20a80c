#if Server
    import RedrafterCore
    import RedrafterServing

    /// The engine's counters for Prometheus: vLLM's names behind `redrafter:` where it has them.
    struct PrometheusText {
        private(set) var text = ""

        init(_ metrics: EngineMetrics) {
            gauge("num_requests_running", "Texts in slots.", Double(metrics.running))
            gauge("num_requests_waiting", "Requests in the queue.", Double(metrics.waiting))
            gauge("slots", "Texts that can be generated at the same time.", Double(metrics.slots))
            gauge(
                "kv_cache_usage_perc", "Share of the caches that is used, 1 for all.",
                metrics.cacheCapacity > 0 ? Double(metrics.cachedTokens) / Double(metrics.cacheCapacity) : 0)
            counter(
                "prompt_tokens_total", "Prompt tokens of requests that were admitted.", metrics.promptTokens)
            counter("generation_tokens_total", "Tokens that were generated.", metrics.generatedTokens)
            counter("prefix_cache_queries_total", "Prompt tokens that were looked up.", metrics.promptTokens)
            counter("prefix_cache_hits_total", "Those that were there already.", metrics.promptTokensCached)
            ended(metrics.finished)
            speculation(metrics.speculation)
            histogram("time_to_first_token_seconds", "Until the first token.", metrics.timeToFirstToken)
            histogram("inter_token_latency_seconds", "Between tokens.", metrics.timePerOutputToken)
            histogram("e2e_request_latency_seconds", "Until the end of the answer.", metrics.endToEnd)
            histogram("request_queue_time_seconds", "In the queue.", metrics.queueTime)
            passes(metrics)
        }

        private mutating func ended(_ ended: EngineMetrics.EndedRequests) {
            header("request_success_total", "counter", "Requests by how they ended.")
            let counts = [
                ("stop", ended.stop), ("length", ended.length), ("abort", ended.cancelled),
                ("error", ended.failed),
            ]
            for (reason, count) in counts {
                line("request_success_total", "{finished_reason=\"\(reason)\"}", Double(count))
            }
            counter("requests_refused_total", "Requests for which the queue had no room.", ended.refused)
        }

        private mutating func speculation(_ metrics: SpeculationMetrics) {
            counter("spec_decode_num_drafts_total", "Passes with guesses.", metrics.speculativeSteps)
            counter("spec_decode_num_draft_tokens_total", "Guesses that were verified.", metrics.draftTokens)
            counter(
                "spec_decode_num_accepted_tokens_total", "Guesses that became text.", metrics.acceptedTokens)
            let name = "spec_decode_num_accepted_tokens_per_pos_total"
            header(name, "counter", "The same by how far they guessed ahead, from 0.")
            for (position, count) in metrics.acceptedPerPosition.enumerated() {
                line(name, "{position=\"\(position)\"}", Double(count))
            }
            counter(
                "draft_nonfinite_total", "Rows of drafts with NaN or infinity.", metrics.nonFiniteDraftRows)
        }

        private mutating func passes(_ metrics: EngineMetrics) {
            histogram("rows_per_pass", "Rows of a pass.", metrics.rowsPerPass)
            counter("passes_total", "Passes over the model.", metrics.passes)
            counter("rows_total", "Rows of all passes.", metrics.rows)
            counter("prompt_rows_total", "Rows of prompts among these.", metrics.promptRows)
            let durations = metrics.durations
            counter("draft_seconds_total", "Time spent drafting.", seconds: durations.draft)
            counter("verify_seconds_total", "Time spent in passes.", seconds: durations.verify)
            counter("other_seconds_total", "Time spent on all else.", seconds: durations.rest)
            gauge(
                "pass_plain_milliseconds", "A pass with one row for each text.", metrics.plainPassMilliseconds
            )
            gauge("pass_chosen_milliseconds", "A pass as chosen.", metrics.chosenPassMilliseconds)
        }

        private mutating func header(_ name: String, _ type: String, _ help: String) {
            text += "# HELP redrafter:\(name) \(help)\n# TYPE redrafter:\(name) \(type)\n"
        }

        private mutating func line(_ name: String, _ labels: String = "", _ value: Double) {
            let whole = value == value.rounded() && abs(value) < 1e15
            text += "redrafter:\(name)\(labels) \(whole ? String(Int(value)) : String(value))\n"
        }

        private mutating func gauge(_ name: String, _ help: String, _ value: Double) {
            header(name, "gauge", help)
            line(name, "", value)
        }

        private mutating func counter(_ name: String, _ help: String, _ value: Int) {
            header(name, "counter", help)
            line(name, "", Double(value))
        }

        private mutating func counter(_ name: String, _ help: String, seconds: Duration) {
            header(name, "counter", help)
            line(name, "", seconds / .seconds(1))
        }

        private mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
            header(name, "histogram", help)
            var count = 0
            for (bound, more) in zip(histogram.bounds, histogram.counts) {
                count += more
                line(name + "_bucket", "{le=\"\(bound)\"}", Double(count))
            }
            line(name + "_bucket", "{le=\"+Inf\"}", Double(histogram.count))
            line(name + "_sum", "", histogram.sum)
            line(name + "_count", "", Double(histogram.count))
        }
    }
#endif

"""Several processes, pieces of batches, resumed runs."""
import os
import signal
import subprocess
import sys
import unittest

import support


class ProcessTests(support.ToyTests):
    def check(self, count, *flags, data="data", name=""):
        alone, _ = self.train(name + "alone", *flags, data=data)
        together = self.train_with_processes(count, name + "together", *flags, data=data)
        self.assert_same_losses(alone, together, 1e-4)
        states = [[line["state_error"] for line in lines if "loss" in line] for lines in (alone, together)]
        for first, second in zip(*states, strict=True):
            self.assertEqual(first is None, second is None)
            if first is not None:
                self.assertLess(abs(first - second), 1e-4)

    def test_two_processes_with_the_plain_drafter(self):
        self.check(2, data="bare")

    def test_two_processes_with_taps(self):
        self.check(2, "--taps", "0,1", "--survival")

    def test_more_processes_than_combs_in_a_batch(self):
        self.check(3, "--taps", "0,1", "--batch-size", "32")
        # A process without a share learns no states either: the loss after a step would tell.
        self.check(3, "--taps", "0,1", "--batch-size", "32", "--context-adds", "--state-weight", "2", "--context-rate",
                   "1", name="states-")

    def test_pieces_give_what_the_whole_batch_gives(self):
        for flags in (["--positions-at-once", "50", "--survival"],
                      ["--taps", "0,1", "--rows-at-once", "100", "--batch-size", "512"]):
            whole, _ = self.train("whole" + flags[0], *flags, "--positions-at-once", "4096", "--rows-at-once", "4096")
            pieces, _ = self.train("pieces" + flags[0], "--batch-size", "128", *flags)
            self.assert_same_losses(whole, pieces, 1e-4)


class ResumeTests(support.ToyTests):
    def check(self, *flags):
        whole, _ = self.train("run", "--save-every", "10", *flags)
        os.remove(self.path("run/checkpoint-00000020.safetensors"))
        resumed, _ = self.train("run", "--save-every", "10", "--resume", *flags)
        self.assertEqual([line["step"] for line in resumed], [line["step"] for line in whole])
        self.assertEqual(support.losses(resumed), support.losses(whole))

    def test_plain_drafter_goes_on(self):
        self.check()

    def test_context_block_goes_on(self):
        self.check("--taps", "0,1")

    def test_damaged_checkpoint_is_passed_over(self):
        self.train("run", "--save-every", "10")
        path = self.path("run/checkpoint-00000020.safetensors")
        with open(path, "r+b") as file:
            file.seek(-100, os.SEEK_END)
            byte = file.read(1)[0]
            file.seek(-100, os.SEEK_END)
            file.write(bytes([byte ^ 1]))
        resumed, said = self.train("run", "--resume")
        self.assertIn("checkpoint-00000020.safetensors is damaged", said)
        self.assertEqual(len(support.losses(resumed)), 20)

    def test_signal_leaves_a_checkpoint(self):
        command = [sys.executable, "-m", "redrafter_torch.train", "--data", self.shared("data"), "--model",
                   self.shared("toy"), "-o", self.path("run"), *support.FLAGS, "--iters", "100000"]
        environment = {**os.environ, "PYTHONPATH": support.PACKAGE}
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
            for line in process.stderr:
                if line.startswith("Iteration 3:"):
                    process.send_signal(signal.SIGINT)
                    break
            said = process.stderr.read()
            self.assertEqual(process.wait(), 130, said)
        self.assertIn("--resume", said)
        names = [name for name in os.listdir(self.path("run")) if name.startswith("checkpoint-")]
        self.assertEqual(len(names), 1, said)


if __name__ == "__main__":
    unittest.main()

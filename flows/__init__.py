"""Defines the flows. Each module holds one flow, and each flow is one deployment.

build_dataset    scrape → dedupe → resize (→ normalize, for lineart)
train_cyclegan   dataset → checkpoints and samples → the best checkpoint
colorize_inbox   inbox → outbox, with the best checkpoint
full_pipeline    the three above
"""

from irodori.loopback import keep_loopback_direct

keep_loopback_direct()  # before a flow, however it is started, connects to Prefect's server

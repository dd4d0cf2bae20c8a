"""The destinations as KafkaTopics, resources of Strimzi: `topics --as kafkatopics` prints, `topics sync` keeps them.

- `names`: what the resource of a topic is called
- `manifest`: the resource of a topic, as plain data and as YAML
- `printing`: manifests of the destinations, on standard output
- `existing`: a KafkaTopic as the API server gives it
- `plan`: what is to be done, from what is there and what should be; pure
- `look`: the destinations as they really are, asked of the Kafka cluster
- `kube`: the API server; the only module that knows the client for it
- `sync`: one pass
- `telling`: what a pass did, as a table or in the log
- `keeping`: passes without end, or one
"""

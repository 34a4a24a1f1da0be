// A connector's life by kafka-connect-client (npm). usage: life.js URL FILE
const axios = require("axios");
const { KafkaConnectClient } = require("kafka-connect-client");

// Without a body axios would say that it sends a form, which Kafka Connect refuses with 415, and so does Longshore.
axios.defaults.headers.put["Content-Type"] = "application/json";
axios.defaults.headers.post["Content-Type"] = "application/json";

const [url, file] = process.argv.slice(2);
const { hostname, port } = new URL(url);
const client = new KafkaConnectClient({ protocol: "http", host: hostname, port });
const name = "javascript-life";
const of = "org.apache.kafka.connect.file.FileStreamSinkConnector";
const config = { "connector.class": of, topics: "javascript-life", file, "tasks.max": "1" };

function check(what, holds) {
  if (!holds) throw new Error(`javascript: ${what}`);
}

async function wait(connector, state) {
  for (let tries = 0; tries < 1200; tries++) {
    const { data } = await connector.getStatus().catch(() => ({ data: {} }));
    const tasks = (data.tasks ?? []).map((task) => task.state).join();
    // A stopped connector has no tasks.
    if (data.connector?.state === state && tasks === (state === "STOPPED" ? "" : state)) return data;
    await new Promise((later) => setTimeout(later, 100));
  }
  throw new Error(`javascript: never ${state}`);
}

// Tasks that are just leaving their group still hold its offsets: 500 says that the call may be made again.
async function once(call) {
  for (let tries = 0; tries < 600; tries++) {
    try {
      return await call();
    } catch (error) {
      if (error.response?.status !== 500) throw error;
      await new Promise((later) => setTimeout(later, 100));
    }
  }
  throw new Error("javascript: offsets are never free");
}

async function life() {
  check("the worker says its version", (await client.getCluster()).data.version);
  check("plugins", (await client.getConnectorPlugins()).data.some((plugin) => plugin.class === of));
  const validated = await client.validateConnectorConfig("FileStreamSinkConnector", { ...config, name });
  check("nothing is wrong", validated.data.error_count === 0);

  check("it is created", (await client.createConnector(name, config)).status === 201);
  const connector = client.connector(name);
  await wait(connector, "RUNNING");
  check("it is listed", (await client.getConnectors()).data.includes(name));
  check("what it is", (await connector.get()).data.type === "sink");
  check("how it is configured", (await connector.getConfig()).data.file === file);
  check("its tasks", (await connector.getTasks()).data[0].id.task === 0);
  check("its task's status", (await connector.getTaskStatus(0)).data.state === "RUNNING");

  await connector.updateConfig({ ...config, file: `${file}.2` });
  check("a new configuration", (await connector.getConfig()).data.file === `${file}.2`);
  await connector.pause();
  await wait(connector, "PAUSED");
  await connector.resume();
  await wait(connector, "RUNNING");
  check("a restart", (await connector.restart()).status === 204);
  await connector.restart({ includeTasks: true });
  await connector.restartTask(0);
  await wait(connector, "RUNNING");
  await connector.resetTopics();

  await connector.stop();
  await wait(connector, "STOPPED");
  const partition = { kafka_topic: "javascript-life", kafka_partition: 0 };
  await once(() => connector.alterOffsets([{ partition, offset: { kafka_offset: 5 } }]));
  const { data } = await connector.getOffsets();
  const [first, ...others] = data.offsets;
  check("one offset", others.length === 0 && first.partition.kafka_topic === partition.kafka_topic);
  check("its offsets", first.partition.kafka_partition === 0 && first.offset.kafka_offset === 5);
  await connector.resetOffsets();
  check("no offsets", (await connector.getOffsets()).data.offsets.length === 0);
  check("it is deleted", (await connector.delete()).status === 204);
}

life().catch((error) => {
  console.error(error.message, error.response?.data ?? "");
  process.exit(1);
});

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.sourcelab.kafka.connect.apiclient.Configuration;
import org.sourcelab.kafka.connect.apiclient.KafkaConnectClient;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorPluginConfigDefinition;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorStatus;
import org.sourcelab.kafka.connect.apiclient.request.dto.NewConnectorDefinition;
import org.sourcelab.kafka.connect.apiclient.request.post.PostConnectorRestart;
import org.sourcelab.kafka.connect.apiclient.rest.exceptions.InvalidRequestException;
import org.sourcelab.kafka.connect.apiclient.rest.exceptions.ResourceNotFoundException;

/** A connector's life by org.sourcelab:kafka-connect-client. usage: Life URL FILE */
public final class Life {
    private static final String NAME = "java life";
    private static final String CLASS = "org.apache.kafka.connect.file.FileStreamSinkConnector";

    private final KafkaConnectClient client;

    private Life(String url) {
        client = new KafkaConnectClient(new Configuration(url));
    }

    public static void main(String[] arguments) throws Exception {
        new Life(arguments[0]).live(arguments[1]);
    }

    private static void check(String what, boolean holds) {
        if (!holds) {
            throw new IllegalStateException("java: " + what);
        }
    }

    private void await(String state) throws InterruptedException {
        for (int tries = 0; tries < 1200; tries++) {
            ConnectorStatus status = client.getConnectorsWithExpandedStatus().getMappedStatuses().get(NAME);
            if (status != null
                    && state.equals(status.getConnector().get("state"))
                    && status.getTasks().size() == 1
                    && state.equals(status.getTasks().get(0).getState())) {
                return;
            }
            Thread.sleep(100);
        }
        throw new IllegalStateException("java: never " + state);
    }

    private void live(String file) throws Exception {
        Map<String, String> config = new HashMap<>(
                Map.of("connector.class", CLASS, "topics", "java-life", "file", file, "tasks.max", "1"));
        check("the worker says its version", client.getConnectServerVersion().getVersion() != null);
        check("plugins", client.getConnectorPlugins().stream().anyMatch(plugin -> CLASS.equals(plugin.getClassName())));
        check("nothing is wrong", client.validateConnectorPluginConfig(ConnectorPluginConfigDefinition.newBuilder()
                .withName("FileStreamSinkConnector").withConfig(config).withConfig("name", NAME).build())
                .getErrorCount() == 0);
        try {
            client.addConnector(NewConnectorDefinition.newBuilder().withName(NAME).withConfig("tasks.max", 1).build());
            check("a connector without a class is refused", false);
        } catch (InvalidRequestException refused) {
            check("by its status", refused.getErrorCode() == 400);
        }

        check("it is created", NAME.equals(client.addConnector(
                NewConnectorDefinition.newBuilder().withName(NAME).withConfig(config).build()).getName()));
        await("RUNNING");
        check("it is listed", client.getConnectors().contains(NAME));
        check("and expanded", client.getConnectorsWithExpandedInfo().getConnectorNames().contains(NAME));
        check("both ways", client.getConnectorsWithAllExpandedMetadata().getConnectorNames().contains(NAME));
        check("what it is", client.getConnector(NAME).getTasks().size() == 1);
        check("how it is configured", file.equals(client.getConnectorConfig(NAME).get("file")));
        check("its status", "sink".equals(client.getConnectorStatus(NAME).getType()));
        check("its tasks", file.equals(client.getConnectorTasks(NAME).iterator().next().getConfig().get("file")));
        check("its task's status", "RUNNING".equals(client.getConnectorTaskStatus(NAME, 0).getState()));

        config.put("file", file + ".2");
        check("a new configuration",
                (file + ".2").equals(client.updateConnectorConfig(NAME, config).getConfig().get("file")));
        check("a pause", client.pauseConnector(NAME));
        await("PAUSED");
        check("a resume", client.resumeConnector(NAME));
        await("RUNNING");
        check("a restart", client.restartConnector(NAME));
        check("a restart with tasks", client.restartConnector(new PostConnectorRestart(NAME).withIncludeTasks(true)));
        check("a restart of a task", client.restartConnectorTask(NAME, 0));
        await("RUNNING");
        check("its topics", List.of().equals(client.getConnectorTopics(NAME).getTopics()));
        check("none of them", client.resetConnectorTopics(NAME));
        check("it is deleted", client.deleteConnector(NAME));
        for (int tries = 0; client.getConnectors().contains(NAME) && tries < 600; tries++) {
            Thread.sleep(100);
        }
        try {
            client.getConnector(NAME);
            check("it is gone", false);
        } catch (ResourceNotFoundException gone) {
            check("which is said", gone.getErrorCode() == 404);
        }
    }
}

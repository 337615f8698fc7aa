import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.h2.H2Backend;

/** java -cp '<jars>/*' MongoStandIn.java port [file]: MongoDB's protocol over H2, in the file or in memory. */
public class MongoStandIn {
	public static void main(String[] args) {
		var server = new MongoServer(args.length > 1 ? new H2Backend(args[1]) : H2Backend.inMemory());
		Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow)); // writes what is not in the file yet
		server.bind("127.0.0.1", Integer.parseInt(args[0]));
	}
}

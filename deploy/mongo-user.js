// Runs once, when the server makes its data folder: the shop's own user, who is not the administrator.
const password = process.env.MONGO_PASSWORD;
if (!password) throw new Error("MONGO_PASSWORD must be set.");
db.getSiblingDB("admin").createUser({ user: "stoa", pwd: password, roles: ["readWriteAnyDatabase"] });

-- Runs once, when the server makes its data folder, after it has made the user. Every service makes and owns a schema stoa_<service>; the user may do nothing else.
GRANT ALL PRIVILEGES ON `stoa\_%`.* TO 'stoa'@'%';

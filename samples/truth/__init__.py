"""The true KPI values of the demonstration district, computed from the World that its files tell, without the warehouse."""
